# SPDX-License-Identifier: MIT
# Included before project(): the compiler; pico_sdk_init(), called after it: the targets.
set(PICO_SDK_STAND_IN ${CMAKE_CURRENT_LIST_DIR})
set(PICO_SDK_BOARD ${CMAKE_CURRENT_LIST_DIR}/../../../rp2040)

set(PICO_PLATFORM rp2040 CACHE STRING "rp2040 or rp2350-arm-s")
if(PICO_PLATFORM STREQUAL "rp2040")
	set(PICO_CPU cortex-m0plus)
else()
	set(PICO_CPU cortex-m33)
endif()
if(NOT CMAKE_TOOLCHAIN_FILE)
	set(CMAKE_TOOLCHAIN_FILE ${PICO_SDK_BOARD}/arm-none-eabi.cmake)
endif()
foreach(language C CXX ASM)
	set(CMAKE_${language}_FLAGS_INIT "-mcpu=${PICO_CPU} -mthumb")
endforeach()
if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE MinSizeRel)
endif()

# Makes the linker redirect calls of FUNCTION to __wrap_FUNCTION in programs that link TARGET.
function(pico_wrap_function target function)
	target_link_options(${target} INTERFACE LINKER:--wrap=${function})
endfunction()

# A map comes with the images of the board.
function(pico_add_extra_outputs target)
endfunction()

macro(pico_sdk_init)
	add_subdirectory(${PICO_SDK_STAND_IN} pico-sdk)
endmacro()
