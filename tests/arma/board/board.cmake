# SPDX-License-Identifier: MIT
#
# Two Cortex-A under QEMU as a board for images: nh_board_image() and nh_board_runs(), see
# tests/firmware/board.cmake; the preset chooses the machine. And
#
#   nh_arma_command(VARIABLE IMAGE target [SEED n] [ICOUNT] [OPTIONS opt ...])
#       the command that runs an image: the CPUs as threads of the host, at full speed; with ICOUNT in
#       turns, and the cycle counter counts instructions.

include(${CMAKE_CURRENT_LIST_DIR}/../../firmware/board.cmake)

set(NH_MACHINE "" CACHE STRING "Machine: vexpress_a9 or virt")
set(NH_QEMU_CPU "" CACHE STRING "CPU of the machine virt, as QEMU calls it")

if(NH_MACHINE STREQUAL "vexpress_a9")
	set(nh_arma_base 0x60010000)
	set(nh_arma_machine -M vexpress-a9)
	set(nh_arma_name "Versatile Express, 2x Cortex-A9")
elseif(NH_MACHINE STREQUAL "virt")
	set(nh_arma_base 0x40100000)
	set(nh_arma_machine -M virt -cpu ${NH_QEMU_CPU})
	set(nh_arma_name "QEMU virt, 2x ${NH_QEMU_CPU}")
else()
	message(FATAL_ERROR "NH_MACHINE: '${NH_MACHINE}' is not vexpress_a9 or virt; use a preset")
endif()

if(nh_port STREQUAL "armv8a")
	set(nh_arma_set a64)
	find_program(NH_QEMU qemu-system-aarch64 REQUIRED)
	set(NH_BOARD_FLAGS -mno-outline-atomics -fno-pic -fno-stack-protector)
	set(NH_BOARD_LIBS -static -no-pie --specs=${NH_PICOLIBC}/picolibc.specs)
else()
	set(nh_arma_set a32)
	find_program(NH_QEMU qemu-system-arm REQUIRED)
	set(NH_BOARD_FLAGS "")
	set(NH_BOARD_LIBS --specs=nano.specs --specs=nosys.specs)
endif()

# Where the heap masks FIQs, all interrupts come as such.
if(NH_CORTEX_A_MASK_FIQ)
	list(APPEND NH_BOARD_FLAGS -DNH_ARMA_FIQ=1)
else()
	list(APPEND NH_BOARD_FLAGS -DNH_ARMA_FIQ=0)
endif()

set(dir ${CMAKE_CURRENT_LIST_DIR})
set(NH_BOARD_DIR ${dir} ${dir}/${nh_arma_set})
set(NH_BOARD_SCRIPT ${dir}/arma.ld)
file(GLOB NH_BOARD_SOURCES CONFIGURE_DEPENDS ${dir}/*.c ${dir}/${nh_arma_set}/*.c ${dir}/${nh_arma_set}/*.S
     ${dir}/${NH_MACHINE}/*.c)

# What only the board's own sources need.
function(nh_board_finish name)
	target_include_directories(nh_board PRIVATE ${PROJECT_SOURCE_DIR}/include)
	target_compile_definitions(nh_board PRIVATE NH_ARMA_NAME="${nh_arma_name}")
	target_link_options(${name} PRIVATE -Wl,--defsym=__image_base=${nh_arma_base} -Wl,--build-id=none
	                    -Wl,--no-warn-rwx-segments)
endfunction()

function(nh_arma_command variable)
	cmake_parse_arguments(PARSE_ARGV 1 arg "ICOUNT" "IMAGE;SEED" "OPTIONS")
	if(arg_UNPARSED_ARGUMENTS OR NOT arg_IMAGE)
		message(FATAL_ERROR "nh_arma_command: IMAGE missing, or what is '${arg_UNPARSED_ARGUMENTS}'?")
	endif()
	set(seed "")
	if(DEFINED arg_SEED)
		set(seed ",arg=${arg_IMAGE},arg=seed=${arg_SEED}")
	endif()
	if(arg_ICOUNT)
		set(speed -icount shift=0,sleep=off)
	else()
		set(speed -accel tcg,thread=multi)
	endif()
	set(${variable} ${NH_QEMU} ${nh_arma_machine} -smp 2 -m 256 ${speed} -nic none -display none
	    -audiodev none,id=none -monitor none -serial null -chardev stdio,id=console
	    -semihosting-config enable=on,target=native,chardev=console${seed}
	    ${arg_OPTIONS} -kernel $<TARGET_FILE:${arg_IMAGE}> PARENT_SCOPE)
endfunction()

# Both CPUs want a processor of the host: one that waits for the other spins.
function(nh_board_runs name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "IMAGE;IRQ_MEAN" "SEEDS")
	if(NOT arg_SEEDS)
		set(arg_SEEDS 1 2 3 4 5 6)
	endif()
	foreach(seed IN LISTS arg_SEEDS)
		nh_arma_command(command IMAGE ${arg_IMAGE} SEED ${seed})
		add_test(NAME ${name}-${seed} COMMAND ${command})
		set_tests_properties(${name}-${seed} PROPERTIES LABELS firmware TIMEOUT 120 PROCESSORS 2)
	endforeach()
endfunction()
