# SPDX-License-Identifier: MIT
#
# nh_library_variant(NAME [OPTIONS NH_CPUS=1 ...] [INCLUDE_FIRST dir])
#   the library once more, with these options instead of the configured ones, or with headers of ours
#   in front of its own

function(nh_library_variant name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "INCLUDE_FIRST" "OPTIONS")
	if(arg_UNPARSED_ARGUMENTS)
		message(FATAL_ERROR "nh_library_variant(${name}): what is '${arg_UNPARSED_ARGUMENTS}'?")
	endif()
	get_target_property(sources nearheap SOURCES)
	list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/)
	get_target_property(options nearheap COMPILE_OPTIONS)
	set(definitions ${nh_definitions})
	foreach(option IN LISTS arg_OPTIONS)
		string(REGEX REPLACE "=.*" "" key ${option})
		list(FILTER definitions EXCLUDE REGEX "^${key}=")
	endforeach()
	add_library(${name} STATIC EXCLUDE_FROM_ALL ${sources})
	target_compile_definitions(${name} PUBLIC ${definitions} ${arg_OPTIONS})
	target_include_directories(${name} PRIVATE ${arg_INCLUDE_FIRST} ${PROJECT_SOURCE_DIR}
	                                   PUBLIC ${PROJECT_SOURCE_DIR}/include)
	if(options)
		target_compile_options(${name} PRIVATE ${options})
	endif()
	target_link_libraries(${name} PRIVATE nearheap_warnings)
	set_target_properties(${name} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
endfunction()
