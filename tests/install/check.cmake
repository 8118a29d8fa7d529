# SPDX-License-Identifier: MIT
# Installs the build in BUILD to a prefix of its own, moves that prefix, and builds and runs a
# program against it by find_package() and by pkg-config. Then the same program with another
# NH_CPUS, which must not link. Work files go to WORK.
cmake_minimum_required(VERSION 3.25)

set(consumer ${CMAKE_CURRENT_LIST_DIR}/consumer)
set(prefix ${WORK}/moved/prefix)

function(run what)
	execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
	if(NOT status EQUAL 0)
		message(FATAL_ERROR "install: ${what} failed (${status}): ${ARGN}\n${out}${err}")
	endif()
	set(run_output "${out}" PARENT_SCOPE)
endfunction()

function(expect_greeting what)
	if(NOT run_output MATCHES "(nearheap [0-9.]+|zephyr): 40 bytes or more")
		message(FATAL_ERROR "install: ${what} printed '${run_output}'")
	endif()
	message(STATUS "${what}: ok")
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/moved)
run("installing" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
# Neither the package nor the .pc file may remember where it was put first.
file(RENAME ${WORK}/prefix ${prefix})

run("find_package" ${CMAKE_COMMAND} -S ${consumer} -B ${WORK}/build -G ${GENERATOR}
    -D CMAKE_C_COMPILER=${COMPILER} -D CMAKE_CXX_COMPILER=${CXX_COMPILER} -D CMAKE_PREFIX_PATH=${prefix})
run("building with find_package" ${CMAKE_COMMAND} --build ${WORK}/build)
run("the program built with find_package" ${WORK}/build/consumer)
expect_greeting("find_package")
run("Zephyr's program built with find_package" ${WORK}/build/consumer_zephyr)
expect_greeting("find_package, Zephyr's interfaces")

if(CXX_COMPILER)
	run("the C++ program built with find_package" ${WORK}/build/consumer_cxx)
	expect_greeting("find_package, C++")
endif()

file(GLOB_RECURSE pc ${prefix}/nearheap.pc)
get_filename_component(pc_dir "${pc}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})
run("pkg-config" pkg-config --cflags --libs --static nearheap)
separate_arguments(flags UNIX_COMMAND "${run_output}")
run("building with pkg-config" ${COMPILER} -std=c11 ${consumer}/consumer.c ${flags} -o ${WORK}/by-pkg-config)
run("the program built with pkg-config" ${WORK}/by-pkg-config)
expect_greeting("pkg-config")
run("pkg-config" pkg-config --cflags --libs --static nearheap-zephyr)
separate_arguments(zephyr_flags UNIX_COMMAND "${run_output}")
run("building with pkg-config" ${COMPILER} -std=c11 ${consumer}/zephyr.c ${zephyr_flags} -o ${WORK}/zephyr-by-pkg-config)
run("Zephyr's program built with pkg-config" ${WORK}/zephyr-by-pkg-config)
expect_greeting("pkg-config, Zephyr's interfaces")

# A program that disagrees on the size of shared tables.
list(TRANSFORM flags REPLACE "^-DNH_CPUS=.*$" "-DNH_CPUS=31")
list(APPEND flags -UNH_CPUS -DNH_CPUS=31)
execute_process(COMMAND ${COMPILER} -std=c11 ${consumer}/consumer.c ${flags} -o ${WORK}/contradiction
                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
if(status EQUAL 0)
	message(FATAL_ERROR "install: a program with another NH_CPUS was linked")
endif()
if(NOT err MATCHES "undefined.*nh__configured_[a-z0-9_]*cpus_31_")
	message(FATAL_ERROR "install: a program with another NH_CPUS failed for another reason:\n${out}${err}")
endif()
message(STATUS "contradicting NH_CPUS: refused by the linker, ok")
