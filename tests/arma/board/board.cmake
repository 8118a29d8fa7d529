# SPDX-License-Identifier: MIT
#
# Images for two Cortex-A as QEMU has them: see tests/firmware/board.cmake. The preset chooses the machine.

include(${CMAKE_CURRENT_LIST_DIR}/../../firmware/board.cmake)

set(NH_MACHINE "" CACHE STRING "Machine: a9, a15, a7, a53 or lse")

if(NH_MACHINE STREQUAL "a9")
	set(folder vexpress_a9)
	set(nh_arma_base 0x60010000)
elseif(NH_MACHINE MATCHES "^(a15|a7|a53|lse)$")
	set(folder virt)
	set(nh_arma_base 0x40100000)
else()
	message(FATAL_ERROR "NH_MACHINE: '${NH_MACHINE}' is not a9, a15, a7, a53 or lse; use a preset")
endif()

if(nh_port STREQUAL "armv8a")
	set(set a64)
	set(NH_BOARD_FLAGS -mno-outline-atomics -fno-pic -fno-stack-protector)
	set(NH_BOARD_LIBS -static -no-pie --specs=${NH_PICOLIBC}/picolibc.specs)
else()
	set(set a32)
	set(NH_BOARD_FLAGS "")
	set(NH_BOARD_LIBS --specs=nano.specs --specs=nosys.specs)
endif()

# Where the heap masks FIQs, all interrupts come as such.
if(NH_CORTEX_A_MASK_FIQ)
	list(APPEND NH_BOARD_FLAGS -DNH_ARMA_FIQ=1)
else()
	list(APPEND NH_BOARD_FLAGS -DNH_ARMA_FIQ=0)
endif()

set(here ${CMAKE_CURRENT_LIST_DIR})
set(NH_BOARD_DIR ${here} ${here}/${set})
set(NH_BOARD_INCLUDES ${PROJECT_SOURCE_DIR}/include) # cortex_a.h
set(NH_BOARD_SCRIPT ${here}/arma.ld)
file(GLOB NH_BOARD_SOURCES CONFIGURE_DEPENDS ${here}/*.c ${here}/${set}/*.c ${here}/${set}/*.S ${here}/${folder}/*.c)
list(APPEND NH_BOARD_SOURCES ${NH_FIRMWARE_DIR}/semihosting.c)
set(NH_BOARD_MACHINE ${NH_MACHINE})
# It takes some ten runs, and the gate is the same C11 on all: one 32-bit and one 64-bit machine will do.
if(NOT NH_MACHINE MATCHES "^(a15|lse)$")
	set(NH_BOARD_SKIP_NOGATE ON)
endif()

function(nh_board_finish name)
	target_link_options(${name} PRIVATE -Wl,--defsym=__image_base=${nh_arma_base} -Wl,--build-id=none
	                    -Wl,--no-warn-rwx-segments)
endfunction()

include(${NH_FIRMWARE_DIR}/qemu.cmake)
