# SPDX-License-Identifier: MIT
#
# Toolchain file for bare-metal AArch64: Debian's compiler is one for Linux, picolibc serves as C library.

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_ASM_COMPILER aarch64-linux-gnu-gcc)

set(NH_PICOLIBC /usr/lib/picolibc/aarch64-linux-gnu CACHE PATH "Where picolibc for AArch64 is")
set(CMAKE_C_STANDARD_INCLUDE_DIRECTORIES ${NH_PICOLIBC}/include)

# A program cannot be linked before there is a linker script.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
