# Writes OUTPUT, a C file with the table of FILES (separated by commas), in order. Arrays of bytes
# and not string literals, whose length C limits.
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
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const unsigned char sql_${version}[] = {${bytes}0};\n")
  string(APPEND rows "    {${version}, \"${name}\", (const char *)sql_${version}},\n")
endforeach()
file(WRITE "${OUTPUT}"
  "#include \"scheduler/migrations.h\"\n\n${arrays}\n"
  "const struct migration migrations[] = {\n${rows}};\n"
  "const size_t migrations_count = sizeof(migrations) / sizeof(migrations[0]);\n")
