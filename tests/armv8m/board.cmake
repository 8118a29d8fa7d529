# SPDX-License-Identifier: MIT
# Images for two Cortex-M33 as QEMU's MPS2-AN521 has them: see tests/firmware/board.cmake.

include(${CMAKE_CURRENT_LIST_DIR}/../firmware/board.cmake)

set(NH_BOARD_DIR ${CMAKE_CURRENT_LIST_DIR})
# CPU 0 of the SSE-200 has neither FPU nor DSP instructions.
set(NH_BOARD_FLAGS -mcpu=cortex-m33+nodsp -mthumb -mfloat-abi=soft)
set(NH_BOARD_SCRIPT ${NH_BOARD_DIR}/an521.ld)
set(NH_BOARD_LIBS --specs=nano.specs --specs=nosys.specs)
set(NH_BOARD_INCLUDES ${PROJECT_SOURCE_DIR}/include) # armv8m.h
set(NH_BOARD_SOURCES
    ${NH_BOARD_DIR}/startup.c
    ${NH_BOARD_DIR}/board.c
    ${NH_FIRMWARE_DIR}/semihosting.c)
set(NH_BOARD_MACHINE an521)

include(${NH_FIRMWARE_DIR}/qemu.cmake)
