# SPDX-License-Identifier: MIT
#
# Bare-metal images for two Cortex-A under QEMU. The preset chooses the machine; then:
#
#   nh_arma_image(NAME
#       SOURCES file.c ...
#       [INCLUDE_DIRECTORIES dir ...] [DEFINITIONS X=1 ...] [COMPILE_OPTIONS opt ...]
#       [LINK_LIBRARIES target ...] [LINK_OPTIONS -Wl,--defsym=__nh_local0_size=65536 ...])
#
#   nh_arma_command(VARIABLE IMAGE target [SEED n] [ICOUNT] [OPTIONS opt ...])
#       the command that runs an image: CPUs as host threads at full speed, or with ICOUNT in turns,
#       one count of the cycle counter per instruction.

set(NH_ARMA_DIR ${CMAKE_CURRENT_LIST_DIR})
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
	set(nh_arma_libraries -nostdlib -static -no-pie ${NH_PICOLIBC}/lib/libc.a -lgcc)
	set(nh_arma_options -mno-outline-atomics -fno-pic -fno-stack-protector)
else()
	set(nh_arma_set a32)
	find_program(NH_QEMU qemu-system-arm REQUIRED)
	set(nh_arma_libraries --specs=nano.specs --specs=nosys.specs)
	set(nh_arma_options "")
endif()

# Where the heap masks FIQs, all interrupts come as such.
if(NH_CORTEX_A_MASK_FIQ)
	set(nh_arma_fiq NH_ARMA_FIQ=1)
else()
	set(nh_arma_fiq NH_ARMA_FIQ=0)
endif()

# The board, compiled once for all images.
function(nh_arma__board)
	if(TARGET nh_arma_board)
		return()
	endif()
	set(root ${NH_ARMA_DIR}/../../..)
	file(GLOB sources ${NH_ARMA_DIR}/*.c ${NH_ARMA_DIR}/${nh_arma_set}/*.c ${NH_ARMA_DIR}/${nh_arma_set}/*.S
	     ${NH_ARMA_DIR}/${NH_MACHINE}/*.c)
	add_library(nh_arma_board OBJECT ${sources} ${root}/tests/firmware/console.c)
	target_include_directories(nh_arma_board PUBLIC ${NH_ARMA_DIR} ${NH_ARMA_DIR}/${nh_arma_set}
	                           ${root}/tests/firmware PRIVATE ${root}/include)
	target_compile_definitions(nh_arma_board PRIVATE NH_ARMA_NAME="${nh_arma_name}" ${nh_arma_fiq})
	target_compile_options(nh_arma_board PRIVATE ${nh_arma_options} -g -ffunction-sections -fdata-sections)
	target_link_libraries(nh_arma_board PRIVATE nearheap_warnings)
	set_target_properties(nh_arma_board PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON)
endfunction()

function(nh_arma_image name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" ""
	                      "SOURCES;INCLUDE_DIRECTORIES;DEFINITIONS;COMPILE_OPTIONS;LINK_LIBRARIES;LINK_OPTIONS")
	if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
		message(FATAL_ERROR "nh_arma_image(${name}): SOURCES missing, or what is '${arg_UNPARSED_ARGUMENTS}'?")
	endif()
	nh_arma__board()
	add_executable(${name} ${arg_SOURCES} $<TARGET_OBJECTS:nh_arma_board>)
	set_target_properties(${name} PROPERTIES SUFFIX .elf LINK_DEPENDS ${NH_ARMA_DIR}/arma.ld)
	target_include_directories(${name} PRIVATE
	                           $<TARGET_PROPERTY:nh_arma_board,INTERFACE_INCLUDE_DIRECTORIES>
	                           ${arg_INCLUDE_DIRECTORIES})
	target_compile_definitions(${name} PRIVATE ${nh_arma_fiq} ${arg_DEFINITIONS})
	target_compile_options(${name} PRIVATE ${nh_arma_options} -g -ffunction-sections -fdata-sections
	                       ${arg_COMPILE_OPTIONS})
	target_link_libraries(${name} PRIVATE ${arg_LINK_LIBRARIES} ${nh_arma_libraries})
	target_link_options(${name} PRIVATE -nostartfiles -T${NH_ARMA_DIR}/arma.ld
	                    -Wl,--defsym=__image_base=${nh_arma_base} -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,--gc-sections
	                    -Wl,-Map=$<TARGET_FILE_DIR:${name}>/${name}.map ${arg_LINK_OPTIONS})
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
