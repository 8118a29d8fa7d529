# SPDX-License-Identifier: MIT
# The Kconfig files by the standard tool: what it writes by default is what nearheap/config.h has by default;
# a library configured by it gets the values; mistakes in a .config are refused. Work files go to WORK.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(ENV{KCONFIG_CONFIG} ${WORK}/.config)

function(conf)
	execute_process(COMMAND ${KCONFIG} ${ARGN} Kconfig WORKING_DIRECTORY ${ROOT} RESULT_VARIABLE status
	                OUTPUT_VARIABLE out ERROR_VARIABLE err INPUT_FILE /dev/null)
	if(NOT status EQUAL 0 OR NOT "${err}" STREQUAL "")
		message(FATAL_ERROR "${KCONFIG} ${ARGN}: status ${status}\n${out}${err}")
	endif()
endfunction()

# Default for default, by the compiler.
conf(--alldefconfig)
file(STRINGS ${WORK}/.config lines REGEX "CONFIG_NH_")
set(c "#include <nearheap/config.h>\n")
set(count 0)
foreach(line IN LISTS lines)
	if(line MATCHES "^CONFIG_(NH_[A-Z_]+)=(.*)$")
		set(value ${CMAKE_MATCH_2})
	elseif(line MATCHES "^# CONFIG_(NH_[A-Z_]+) is not set$")
		set(value 0)
	else()
		message(FATAL_ERROR "what is '${line}'?")
	endif()
	string(REPLACE y 1 value ${value})
	string(APPEND c "_Static_assert(${CMAKE_MATCH_1} == ${value}, \"${CMAKE_MATCH_1}\");\n")
	math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${WORK}/defaults.c "${c}")
execute_process(COMMAND ${COMPILER} -std=c11 -I${ROOT}/include -fsyntax-only ${WORK}/defaults.c
                RESULT_VARIABLE status ERROR_VARIABLE err)
if(NOT status EQUAL 0)
	message(FATAL_ERROR "Kconfig and config.h have other defaults:\n${err}")
endif()
# Every option of config.h is there.
file(STRINGS ${ROOT}/include/nearheap/config.h options REGEX "^#ifndef NH_[A-Z_]+$")
list(FILTER options EXCLUDE REGEX "NEARHEAP_CONFIG_H")
list(LENGTH options expected)
if(NOT count EQUAL expected)
	message(FATAL_ERROR "Kconfig has ${count} options, config.h ${expected}")
endif()
message(STATUS "${count} defaults: ok")

# configure(CONTENT): nearheap with that .config.
function(configure content)
	file(WRITE ${WORK}/try.config "${content}")
	execute_process(COMMAND ${CMAKE_COMMAND} -S ${ROOT} -B ${WORK}/build -D CMAKE_C_COMPILER=${COMPILER} -D NH_TESTS=OFF
	                        -D NH_DEMO=OFF -D NH_INSTALL=OFF -D NH_DOTCONFIG=${WORK}/try.config ${ARGN}
	                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
	string(REGEX REPLACE "[ \n\t]+" " " out "${out}") # CMake breaks lines
	set(status ${status} PARENT_SCOPE)
	set(out "${out}" PARENT_SCOPE)
endfunction()

function(expect good text)
	string(FIND "${out}" "${text}" at)
	if(at EQUAL -1 OR (good AND NOT status EQUAL 0) OR (NOT good AND status EQUAL 0))
		message(FATAL_ERROR "status ${status}, expected '${text}' in:\n${out}")
	endif()
	message(STATUS "${text}: ok")
endfunction()

configure("CONFIG_NH_CPUS=3\n# CONFIG_NH_STATS is not set\nCONFIG_NH_WIDE_HEADER=y\nCONFIG_OTHER=\"CONFIG\"\n")
expect(TRUE "NH_CPUS=3 NH_WIDE_HEADER=1 NH_STATS=0")
configure("CONFIG_NH_CPUS=3\n" -D NH_CPUS=5)
expect(TRUE "NH_CPUS=5")
configure("CONFIG_NH_CPUS=x\n" -D NH_CPUS=)
expect(FALSE "try.config: 'CONFIG_NH_CPUS=x' is no option with a number, y, or 'is not set'")
configure("CONFIG_NH_CUPS=2\n")
expect(FALSE "try.config: there is no option NH_CUPS")
configure("CONFIG_NH_CPUS=2\nCONFIG_NH_CPUS=2\n")
expect(FALSE "try.config: NH_CPUS is set twice")
configure("CONFIG_NH_CPUS=y\n")
expect(FALSE "try.config: NH_CPUS is a number, not y")
configure("CONFIG_NH_STATS=1\n")
expect(FALSE "try.config: NH_STATS is y or not set, not 1")
file(REMOVE ${WORK}/try.config)
