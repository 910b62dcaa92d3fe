# Files built into a program. Arrays of bytes and not string literals, whose length C limits.

# embed_array(VARIABLE NAME FILE): puts the C text of the array NAME into VARIABLE: the bytes of
# FILE, and a NUL behind them.
function(embed_array variable name file)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(${variable} "static const unsigned char ${name}[] = {${bytes}0};\n" PARENT_SCOPE)
endfunction()

# embed_source(SOURCE SCRIPT FILE...): makes SOURCE when one of the files changes, by running SCRIPT
# with OUTPUT and FILES (separated by commas).
function(embed_source source script)
  list(JOIN ARGN "," files)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${source} -DFILES=${files} -P ${script}
    DEPENDS ${ARGN} ${script} ${CMAKE_CURRENT_FUNCTION_LIST_FILE}
    VERBATIM)
endfunction()
