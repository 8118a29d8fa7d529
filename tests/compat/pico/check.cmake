# SPDX-License-Identifier: MIT
# Builds the programs in app/ against an SDK, looks at what was linked, and runs them on two emulated
# cores.
cmake_minimum_required(VERSION 3.25)

function(run what)
	execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
	if(NOT status EQUAL 0)
		message(FATAL_ERROR "pico: ${what} failed (${status}): ${ARGN}\n${out}${err}")
	endif()
	message(STATUS "${what}: ok")
endfunction()

if(STEP STREQUAL "build")
	separate_arguments(targets UNIX_COMMAND "${TARGETS}")
	run("configuring ${PLATFORM}" ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/app -B ${WORK} -G ${GENERATOR}
	    -D PICO_SDK_PATH=${CMAKE_CURRENT_LIST_DIR}/sdk -D PICO_PLATFORM=${PLATFORM} -D NEARHEAP=${NEARHEAP})
	run("building ${PLATFORM}" ${CMAKE_COMMAND} --build ${WORK} --target ${targets})
endif()
