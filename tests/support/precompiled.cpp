// Catch as a precompiled header: the source file that CMake makes it with. catch_main.cpp needs
// the header as text.
