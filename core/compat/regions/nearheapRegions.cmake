# SPDX-License-Identifier: MIT
#
#   nearheap_regions(TARGET TABLE file | KCONFIG file | DEVICETREE file [INCLUDE_DIRECTORIES dir ...])
#
# Gives TARGET the heaps that a configuration source describes: a C table, made again when the file
# changes, and <nearheap_regions.h>, which declares it for nh_regions_init(). With KCONFIG also
# <tinyara/config.h>. docs/REGIONS.md has the sources. A mistake in one fails the build with a text that
# names file and place.
#
# The tool that reads them runs on the machine that builds and is compiled there, also for a foreign target.

# Where the sources are: beside this file where it is installed, else the tree it is in. Seen everywhere.
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/source)
	set(nearheap_regions_root ${CMAKE_CURRENT_LIST_DIR}/source CACHE INTERNAL "")
else()
	get_filename_component(nearheap_regions_root ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)
	set(nearheap_regions_root ${nearheap_regions_root} CACHE INTERNAL "")
endif()

# nearheap__find(VARIABLE WHAT NAMES... ): a program of this machine, or an end that says what is missing.
function(nearheap__find variable what)
	find_program(${variable} NAMES ${ARGN} NO_CMAKE_FIND_ROOT_PATH)
	if(NOT ${variable})
		message(FATAL_ERROR "nearheap_regions: no ${what} on this machine; install one, or set ${variable}")
	endif()
endfunction()

function(nearheap__host_compiler)
	if(NOT NEARHEAP_HOST_CC AND NOT CMAKE_CROSSCOMPILING)
		set(NEARHEAP_HOST_CC ${CMAKE_C_COMPILER} CACHE FILEPATH "Compiler for this machine")
	endif()
	nearheap__find(NEARHEAP_HOST_CC "C compiler for the machine that builds" cc gcc clang)
endfunction()

# The tool, once per project; `kind` is tool or tool_devicetree, which needs libfdt.
function(nearheap__regions_tool kind)
	if(TARGET nearheap_regions_${kind})
		return()
	endif()
	set(names text list check table dotconfig emit main)
	set(flags "")
	set(libraries "")
	if(kind STREQUAL "tool_devicetree")
		# The compiler knows best where this machine has headers; CMake looks where the target has them.
		file(WRITE ${CMAKE_BINARY_DIR}/nearheap_regions/libfdt.c "#include <libfdt.h>\n")
		execute_process(COMMAND ${NEARHEAP_HOST_CC} -fsyntax-only ${CMAKE_BINARY_DIR}/nearheap_regions/libfdt.c
		                RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
		if(NOT status EQUAL 0)
			message(FATAL_ERROR "nearheap_regions(DEVICETREE): no libfdt.h on this machine (Debian: libfdt-dev)")
		endif()
		list(APPEND names devicetree)
		set(flags -DNH_REGIONS_DEVICETREE)
		set(libraries -lfdt)
	endif()
	list(TRANSFORM names PREPEND ${nearheap_regions_root}/core/compat/regions/ OUTPUT_VARIABLE sources)
	list(TRANSFORM sources APPEND .c)
	set(tool ${CMAKE_BINARY_DIR}/nearheap_regions/${kind})
	file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/nearheap_regions)
	# As many heaps and regions as any target may have; what this one has is compared in the C.
	add_custom_command(OUTPUT ${tool}
	                   COMMAND ${NEARHEAP_HOST_CC} -std=c11 -O1 -DNH_MAX_HEAPS=16 -DNH_MAX_REGIONS=255 ${flags}
	                           -I${nearheap_regions_root} -I${nearheap_regions_root}/include
	                           ${sources} ${libraries} -o ${tool}
	                   DEPENDS ${sources} ${nearheap_regions_root}/core/compat/regions/source.h
	                           ${nearheap_regions_root}/core/compat/regions/text.h
	                           ${nearheap_regions_root}/include/nearheap/regions.h
	                   COMMENT "nearheap_regions: the tool" VERBATIM)
	add_custom_target(nearheap_regions_${kind} DEPENDS ${tool})
endfunction()

# A blob from a source, by the C preprocessor and dtc; a blob is taken as it is.
function(nearheap__regions_blob out file directory)
	if(file MATCHES "\\.dtb$")
		set(${out} ${file} PARENT_SCOPE)
		return()
	endif()
	nearheap__find(NEARHEAP_DTC "device tree compiler (Debian: device-tree-compiler)" dtc)
	get_filename_component(beside ${file} DIRECTORY)
	set(includes -I${beside} -I${nearheap_regions_root}/include/compat/zephyr)
	foreach(include IN LISTS ARGN)
		get_filename_component(include ${include} ABSOLUTE)
		list(APPEND includes -I${include})
	endforeach()
	list(TRANSFORM includes REPLACE "^-I" "-i" OUTPUT_VARIABLE dtc_includes)
	add_custom_command(OUTPUT ${directory}/regions.dtb
	                   COMMAND ${NEARHEAP_HOST_CC} -E -nostdinc -undef -D__DTS__ -x assembler-with-cpp ${includes}
	                           -MD -MF ${directory}/regions.d -MT ${directory}/regions.dtb
	                           ${file} -o ${directory}/regions.dts
	                   COMMAND ${NEARHEAP_DTC} -q -I dts -O dtb ${dtc_includes} -o ${directory}/regions.dtb
	                           ${directory}/regions.dts
	                   DEPENDS ${file} DEPFILE ${directory}/regions.d
	                   COMMENT "nearheap_regions: ${file}" VERBATIM)
	set(${out} ${directory}/regions.dtb PARENT_SCOPE)
endfunction()

function(nearheap_regions target)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "TABLE;KCONFIG;DEVICETREE" "INCLUDE_DIRECTORIES")
	set(given "${arg_TABLE}${arg_KCONFIG}${arg_DEVICETREE}")
	set(kinds "")
	foreach(kind TABLE KCONFIG DEVICETREE)
		if(DEFINED arg_${kind})
			list(APPEND kinds ${kind})
		endif()
	endforeach()
	list(LENGTH kinds count)
	if(arg_UNPARSED_ARGUMENTS OR arg_KEYWORDS_MISSING_VALUES OR NOT count EQUAL 1)
		message(FATAL_ERROR "nearheap_regions(${target}): one of TABLE, KCONFIG and DEVICETREE, with a file")
	endif()
	if(NOT TARGET ${target})
		message(FATAL_ERROR "nearheap_regions(${target}): there is no such target")
	endif()
	get_target_property(home ${target} SOURCE_DIR)
	if(NOT home STREQUAL CMAKE_CURRENT_SOURCE_DIR)
		message(FATAL_ERROR "nearheap_regions(${target}): call it where the target is made, in ${home}")
	endif()
	get_filename_component(file ${given} ABSOLUTE)
	if(NOT EXISTS ${file} OR IS_DIRECTORY ${file})
		message(FATAL_ERROR "nearheap_regions(${target}): there is no file ${file}")
	endif()

	nearheap__host_compiler()
	set(tool tool)
	set(directory ${CMAKE_CURRENT_BINARY_DIR}/nearheap_regions/${target})
	file(MAKE_DIRECTORY ${directory}/tinyara)
	set(input ${file})
	set(header "")
	if(kinds STREQUAL "DEVICETREE")
		set(tool tool_devicetree)
		nearheap__regions_blob(input ${file} ${directory} ${arg_INCLUDE_DIRECTORIES})
	elseif(kinds STREQUAL "KCONFIG")
		set(header ${directory}/tinyara/config.h)
	endif()
	nearheap__regions_tool(${tool})
	math(EXPR bits "${CMAKE_SIZEOF_VOID_P} * 8")
	string(TOLOWER ${kinds} kind)
	add_custom_command(OUTPUT ${directory}/regions.c ${header}
	                   COMMAND ${CMAKE_BINARY_DIR}/nearheap_regions/${tool}
	                           ${kind} ${input} ${given} ${bits} ${directory}/regions.c ${header}
	                   DEPENDS ${input} ${CMAKE_BINARY_DIR}/nearheap_regions/${tool} nearheap_regions_${tool}
	                   COMMENT "nearheap_regions: ${given} for ${target}" VERBATIM)
	target_sources(${target} PRIVATE ${directory}/regions.c ${header})
	target_include_directories(${target} PRIVATE ${nearheap_regions_root}/core/compat/regions/generated ${directory})
	target_link_libraries(${target} PRIVATE nearheap::regions)
endfunction()
