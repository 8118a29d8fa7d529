# SPDX-License-Identifier: MIT
# Of Zephyr's build system what a module calls, with the same meaning: options from DOTCONFIG as CMake variables and
# as a header that every file sees; the library `zephyr`, the settings of `zephyr_interface`, libraries of modules;
# lib/ before the modules, subsys/ after them.

add_library(zephyr_interface INTERFACE)
add_library(zephyr STATIC)
target_link_libraries(zephyr PRIVATE zephyr_interface)
set_property(GLOBAL PROPERTY ZEPHYR_LIBS zephyr)

file(STRINGS ${DOTCONFIG} lines REGEX "^CONFIG_")
set(header "")
foreach(line IN LISTS lines)
	string(REGEX MATCH "^([A-Z0-9_]+)=(.*)$" unused "${line}")
	set(name ${CMAKE_MATCH_1})
	set(value "${CMAKE_MATCH_2}")
	string(REGEX REPLACE "^\"(.*)\"$" "\\1" ${name} "${value}")
	if(value STREQUAL "y")
		set(value 1)
	endif()
	string(APPEND header "#define ${name} ${value}\n")
endforeach()
file(WRITE ${CMAKE_BINARY_DIR}/autoconf.h "${header}")
target_compile_options(zephyr_interface INTERFACE -imacros ${CMAKE_BINARY_DIR}/autoconf.h)
target_compile_definitions(zephyr_interface INTERFACE __ZEPHYR__=1)
target_include_directories(zephyr_interface INTERFACE ${CMAKE_CURRENT_LIST_DIR}/include)

macro(zephyr_include_directories)
	target_include_directories(zephyr_interface INTERFACE ${ARGV})
endmacro()

macro(zephyr_compile_definitions)
	target_compile_definitions(zephyr_interface INTERFACE ${ARGV})
endmacro()

macro(zephyr_compile_options)
	target_compile_options(zephyr_interface INTERFACE ${ARGV})
endmacro()

function(zephyr_sources)
	foreach(source IN LISTS ARGN)
		target_sources(zephyr PRIVATE ${ZEPHYR_BASE}/${source})
	endforeach()
endfunction()

macro(zephyr_library_named name)
	set(ZEPHYR_CURRENT_LIBRARY ${name})
	add_library(${name} STATIC)
	target_link_libraries(${name} PUBLIC zephyr_interface)
	set_property(GLOBAL APPEND PROPERTY ZEPHYR_LIBS ${name})
endmacro()

function(zephyr_library_sources)
	target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

function(zephyr_library_sources_ifdef feature)
	if(${${feature}})
		zephyr_library_sources(${ARGN})
	endif()
endfunction()

function(zephyr_library_include_directories)
	target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()

zephyr_sources(lib/heap/heap.c lib/heap/heap_info.c lib/heap/multi_heap.c lib/heap/shared_multi_heap.c)
if(CONFIG_SYS_HEAP_ARRAY_SIZE)
	zephyr_sources(lib/heap/heap_array.c)
endif()
add_subdirectory(${MODULE} ${CMAKE_BINARY_DIR}/modules/nearheap)
zephyr_sources(subsys/mem_mgmt/mem_attr.c subsys/mem_mgmt/mem_attr_heap.c)
