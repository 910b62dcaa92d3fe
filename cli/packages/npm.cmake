# Lays out the npm package in STAGE, and packs it into PACKAGES.
if(NOT NPM)
  message(FATAL_ERROR "npm is missing, which packs cron-pulse-cli: apt-get install npm")
endif()

file(REMOVE_RECURSE ${STAGE})
file(MAKE_DIRECTORY ${STAGE}/bin ${STAGE}/lib ${PACKAGES})
file(COPY ${TEXTS} DESTINATION ${STAGE})

set(executable OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
  WORLD_EXECUTE)
file(COPY_FILE ${LAUNCHER} ${STAGE}/bin/cronpulse)
file(COPY_FILE ${PROGRAM} ${STAGE}/lib/cronpulse)
execute_process(COMMAND ${STRIP} ${STAGE}/lib/cronpulse COMMAND_ERROR_IS_FATAL ANY)
file(CHMOD ${STAGE}/bin/cronpulse ${STAGE}/lib/cronpulse PERMISSIONS ${executable})

# Under the name that the program asks for.
file(REAL_PATH ${CJSON} library)
file(COPY_FILE ${library} ${STAGE}/lib/libcjson.so.1)

execute_process(
  COMMAND ${NPM} pack --silent --pack-destination ${PACKAGES}
  WORKING_DIRECTORY ${STAGE}
  OUTPUT_QUIET
  COMMAND_ERROR_IS_FATAL ANY)
