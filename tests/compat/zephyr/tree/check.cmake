# SPDX-License-Identifier: MIT
# Builds the app in the stand-in tree with nearheap as a module, in several configurations made by the
# standard Kconfig tool, and runs it. ROOT, WORK, GENERATOR, COMPILER, KCONFIG.
cmake_minimum_required(VERSION 3.25)

set(here ${CMAKE_CURRENT_LIST_DIR})

# dotconfig(NAME LINE...): WORK/NAME.config, complete.
function(dotconfig name)
	set(folder ${WORK}/${name}-config)
	file(MAKE_DIRECTORY ${folder})
	file(WRITE ${folder}/Kconfig
	     "mainmenu \"tree\"\nsource \"${here}/base/Kconfig\"\nsource \"${ROOT}/zephyr/Kconfig\"\n")
	list(JOIN ARGN "\n" lines)
	file(WRITE ${folder}/.config "${lines}\n")
	execute_process(COMMAND ${KCONFIG} --olddefconfig Kconfig WORKING_DIRECTORY ${folder}
	                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
	if(NOT status EQUAL 0 OR "${out}${err}" MATCHES "warning|error")
		message(FATAL_ERROR "${name}: Kconfig: ${out}${err}")
	endif()
	file(READ ${folder}/.config config)
	foreach(line IN LISTS ARGN)
		string(FIND "${config}" "${line}\n" at)
		if(at LESS 0)
			message(FATAL_ERROR "${name}: '${line}' did not survive Kconfig:\n${config}")
		endif()
	endforeach()
endfunction()

function(configure name)
	execute_process(COMMAND ${CMAKE_COMMAND} -S ${here}/app -B ${WORK}/${name} -G ${GENERATOR}
	                        -D CMAKE_C_COMPILER=${COMPILER} -D ZEPHYR_BASE=${here}/base
	                        -D MODULE=${ROOT}/zephyr -D DOTCONFIG=${WORK}/${name}-config/.config
	                RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
	set(status ${status} PARENT_SCOPE)
	set(err "${out}${err}" PARENT_SCOPE)
endfunction()

# expect(NAME LINE...): configured, built and run, it prints every line.
function(expect name)
	configure(${name})
	if(status EQUAL 0)
		execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/${name} -j 2
		                RESULT_VARIABLE status OUTPUT_VARIABLE err ERROR_VARIABLE err)
	endif()
	if(status EQUAL 0)
		execute_process(COMMAND ${WORK}/${name}/app RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
	endif()
	if(NOT status EQUAL 0)
		message(FATAL_ERROR "${name}: ${status}\n${err}")
	endif()
	foreach(line IN LISTS ARGN)
		string(FIND "${out}" "${line}\n" at)
		if(at LESS 0)
			message(FATAL_ERROR "${name}: '${line}' is missing in\n${out}")
		endif()
	endforeach()
	message(STATUS "${name}: ok")
endfunction()

file(REMOVE_RECURSE ${WORK})
set(all CONFIG_NEARHEAP=y CONFIG_NEARHEAP_PORT="host" CONFIG_SHARED_MULTI_HEAP=y CONFIG_MEM_ATTR=y
    CONFIG_MEM_ATTR_HEAP=y)

dotconfig(everything ${all} CONFIG_NEARHEAP_SYS_HEAP=y CONFIG_SYS_HEAP_VALIDATE=y CONFIG_SYS_HEAP_ARRAY_SIZE=4)
expect(everything "sys_heap: nearheap, valid 1" "sys_multi_heap: nearheap" "shared_multi_heap: nearheap"
       "mem_attr_heap: nearheap" "saved: 1" "free blocks by usable bytes:")

dotconfig(shared-only ${all} "# CONFIG_NEARHEAP_MEM_ATTR_HEAP is not set")
expect(shared-only "sys_heap: tree, valid 1" "sys_multi_heap: tree" "shared_multi_heap: nearheap" "mem_attr_heap: tree")

dotconfig(nothing "# CONFIG_NEARHEAP is not set")
expect(nothing "sys_heap: tree, valid 1" "sys_multi_heap: tree" "shared_multi_heap: tree" "mem_attr_heap: tree")

# A SoC without a port: said when configuring, with the names of those there are.
dotconfig(no-port CONFIG_NEARHEAP=y CONFIG_NEARHEAP_PORT="none")
configure(no-port)
if(status EQUAL 0 OR NOT err MATCHES "nearheap has no port 'none': set[ \n]+CONFIG_NEARHEAP_PORT to one of[^:]*host")
	message(FATAL_ERROR "no-port: ${status}\n${err}")
endif()
message(STATUS "no-port: refused, ok")
