# Writes OUTPUT, a C file with the table of FILES (separated by commas), in order.
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/embed.cmake)
string(REPLACE "," ";" files "${FILES}")
set(arrays "")
set(rows "")
set(expected 1)
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  string(REGEX MATCH "^0*([0-9]+)_" prefix "${name}")
  set(version "${CMAKE_MATCH_1}")
  if(NOT version EQUAL expected)
    message(FATAL_ERROR "migration ${name}: number ${expected} was expected here")
  endif()
  math(EXPR expected "${expected} + 1")
  embed_array(array sql_${version} "${file}")
  string(APPEND arrays "${array}")
  string(APPEND rows "    {${version}, \"${name}\", (const char *)sql_${version}},\n")
endforeach()
file(WRITE "${OUTPUT}"
  "#include \"scheduler/migrations.h\"\n\n${arrays}\n"
  "const struct migration migrations[] = {\n${rows}};\n"
  "const size_t migrations_count = sizeof(migrations) / sizeof(migrations[0]);\n")
