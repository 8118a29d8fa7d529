# SPDX-License-Identifier: MIT
# Installs the build in BUILD, and there lets a project call nearheap_regions(): good sources and what comes
# out of them, the same again after the file changed, and sources and calls with a mistake, each with its
# text. Work files go to WORK.
cmake_minimum_required(VERSION 3.25)

set(source ${WORK}/source)
file(REMOVE_RECURSE ${WORK})
file(COPY ${CMAKE_CURRENT_LIST_DIR}/ DESTINATION ${source} PATTERN check.cmake EXCLUDE)

file(WRITE ${source}/table.txt "local 0x20000000 4K - 0 -\nshared 0x20001000 8K dma - -\n")
file(WRITE ${source}/.config [[
CONFIG_KMM_REGIONS=2
CONFIG_KMM_NHEAPS=2
CONFIG_RAM_KREGIONx_START="0x20000000,0x20001000,"
CONFIG_RAM_KREGIONx_SIZE="4096,2048,"
CONFIG_RAM_KREGIONx_HEAP_INDEX="0,1,"
]])
set(tree_head [[
/dts-v1/;
#include "attributes.h"
/ {
	#address-cells = <1>;
	#size-cells = <1>;
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		first: cpu@0 { device_type = "cpu"; reg = <0>; };
	};
	memory@20000000 {
		compatible = "zephyr,memory-region";
		zephyr,memory-region = "SRAM";
		zephyr,memory-attr = <SOFTWARE>;
		nearheap,affinity = <&first>;
]])
file(WRITE ${source}/attributes.h "#define SOFTWARE (1 << 16)\n")
file(WRITE ${source}/tree.dts "${tree_head}reg = <0x20000000 0x1000>;\n};\n};\n")
file(WRITE ${source}/bad.txt "local 0x20000000 4K - 0 -\nshared 0x20000800 8K dma - -\n")
file(WRITE ${source}/bad.config "CONFIG_KMM_REGIONS=2\nCONFIG_KMM_NHEAPS=2\n"
     "CONFIG_RAM_KREGIONx_START=\"0x1000,0x2000\"\nCONFIG_RAM_KREGIONx_SIZE=\"16,1O24\"\n"
     "CONFIG_RAM_KREGIONx_HEAP_INDEX=\"0,1\"\n")
file(WRITE ${source}/bad.dts "${tree_head}reg = <0x20000000>;\n};\n};\n")
file(WRITE ${source}/syntax.dts "${tree_head}reg = <oops>;\n};\n};\n")
file(WRITE ${source}/truncated.dtb "no blob")

function(configure)
	execute_process(COMMAND ${CMAKE_COMMAND} -S ${source} -B ${WORK}/build -G ${GENERATOR}
	                        -D CMAKE_C_COMPILER=${COMPILER} -D CMAKE_PREFIX_PATH=${WORK}/prefix ${ARGN}
	                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
	string(REGEX REPLACE "[ \n\t]+" " " out "${out}") # CMake breaks lines
	set(status ${status} PARENT_SCOPE)
	set(out "${out}" PARENT_SCOPE)
endfunction()

function(build target)
	execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build --target ${target}
	                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
	set(status ${status} PARENT_SCOPE)
	set(out "${out}" PARENT_SCOPE)
endfunction()

# expect(TARGET TEXT): builds, runs, prints the text.
function(expect target text)
	build(${target})
	if(NOT status EQUAL 0)
		message(FATAL_ERROR "${target}: not built:\n${out}")
	endif()
	execute_process(COMMAND ${WORK}/build/${target} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
	if(NOT status EQUAL 0 OR NOT "${out}" STREQUAL "${text}")
		message(FATAL_ERROR "${target}: status ${status}, printed '${out}', expected '${text}'\n${err}")
	endif()
	message(STATUS "${target}: ok")
endfunction()

# refused(WHAT TEXT): the last step failed, and said TEXT.
function(refused what text)
	string(FIND "${out}" "${text}" at)
	if(status EQUAL 0 OR at EQUAL -1)
		message(FATAL_ERROR "${what}: status ${status}, expected '${text}' in:\n${out}")
	endif()
	message(STATUS "${what}: refused, ok")
endfunction()

execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix RESULT_VARIABLE status
                OUTPUT_VARIABLE out ERROR_VARIABLE out)
if(NOT status EQUAL 0)
	message(FATAL_ERROR "installing failed:\n${out}")
endif()
configure()
if(NOT status EQUAL 0)
	message(FATAL_ERROR "configuring failed:\n${out}")
endif()
expect(table "local 4096 1;shared 8192 0;")
expect(tree "SRAM 4096 1;")
expect(kconfig "heap 1\n")

# A file changes, also one that another includes: the program does.
execute_process(COMMAND ${CMAKE_COMMAND} -E sleep 1.1)
file(WRITE ${source}/table.txt "only 0x20000000 6K - 0 -\n")
expect(table "only 6144 1;")
file(WRITE ${source}/attributes.h "#define SOFTWARE (1 << 17)\n")
build(tree)
file(STRINGS ${WORK}/build/nearheap_regions/tree/regions.c attributes REGEX "attributes = UINT32_C.0x8.,")
if(attributes STREQUAL "")
	message(FATAL_ERROR "tree: not made again after an included file changed:\n${out}")
endif()

build(bad_table)
refused("bad table" "nearheap_regions: bad.txt:2: overlaps bad.txt:1")
build(bad_kconfig)
refused("bad .config" "nearheap_regions: bad.config: CONFIG_RAM_KREGIONx_SIZE, entry 2: '1O24' is no decimal number")
build(bad_tree)
refused("bad tree" "nearheap_regions: bad.dts: memory@20000000: reg: is not one address and one size")
build(bad_dts)
refused("bad syntax" "syntax.dts:16.8-9 syntax error")
build(bad_blob)
refused("truncated blob" "nearheap_regions: truncated.dtb: no device tree: FDT_ERR_TRUNCATED")

configure(-D CASE=nothing)
refused("no source" "nearheap_regions(table): one of TABLE, KCONFIG and DEVICETREE, with a file")
configure(-D CASE=two)
refused("two sources" "nearheap_regions(table): one of TABLE, KCONFIG and DEVICETREE, with a file")
configure(-D CASE=word)
refused("unknown word" "nearheap_regions(table): one of TABLE, KCONFIG and DEVICETREE, with a file")
configure(-D CASE=file)
refused("no file" "nearheap_regions(table): there is no file ${source}/nowhere.txt")
configure(-D CASE=target)
refused("no target" "nearheap_regions(tabel): there is no such target")
configure(-D CASE=compiler)
refused("no compiler" "no C compiler for the machine that builds on this machine; install one, or set NEARHEAP_NONE")
