// Settings that fit this machine, as an .env file to look at and copy.
#pragma once
#include <string>

#include "doctor/diagnosis.hpp"
#include "doctor/sanity.hpp"

namespace afs {

// The fastest backend that agreed with the others, first; how many threads; each with its reason.
std::string detected_environment(const Diagnosis& diagnosis, const Sanity& sanity);

}  // namespace afs
