# Writes OUTPUT, a C file with the one file of FILES and the tag of its version.
include(${CMAKE_CURRENT_LIST_DIR}/../cmake/embed.cmake)
embed_array(array document "${FILES}")
file(SHA256 "${FILES}" hash)
string(SUBSTRING "${hash}" 0 32 tag)
file(WRITE "${OUTPUT}"
  "#include \"gateway/openapi_document.h\"\n\n${array}\n"
  "const char *const openapi_document = (const char *)document;\n"
  "const size_t openapi_document_length = sizeof document - 1;\n"
  "const char openapi_document_tag[] = \"\\\"${tag}\\\"\";\n")
