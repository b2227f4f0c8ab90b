"""The stack on one machine: the real template in an AWS emulator, the real runtime, a portal as mean as a real one."""
