// What env-cuda asks of the driver and the libraries, answered for two GPUs. Numbers that a test
// varies come from the environment, FAKE_<name>.
#include <cstdio>
#include <cstdlib>

namespace {

[[maybe_unused]] int number(const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text ? std::atoi(text) : otherwise;
}

}  // namespace

extern "C" {

#ifdef FAKE_NVML
struct Memory {
    unsigned long long total, free, used;
};
int nvmlInit_v2() {
    return number("FAKE_INIT", 0);
}
int nvmlShutdown() {
    return 0;
}
const char* nvmlErrorString(int code) {
    return code == 18 ? "Driver/library version mismatch" : "No permission";
}
int nvmlSystemGetDriverVersion(char* text, unsigned size) {
    const char* version = std::getenv("FAKE_VERSION");
    std::snprintf(text, size, "%s", version ? version : "580.95.05");
    return 0;
}
int nvmlSystemGetCudaDriverVersion_v2(int* version) {
    *version = number("FAKE_CUDA", 13000);
    return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
    *count = static_cast<unsigned>(number("FAKE_COUNT", 2));
    return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
    *device = reinterpret_cast<void*>(static_cast<unsigned long>(index) + 1);
    return index >= 2 ? 15 : 0;  // GPU is lost
}
int nvmlDeviceGetName(void* device, char* text, unsigned size) {
    std::snprintf(text, size, device == reinterpret_cast<void*>(1) ? "Big GPU" : "Small GPU");
    return 0;
}
int nvmlDeviceGetMemoryInfo(void*, Memory* memory) {
    *memory = {81559ull << 20, 80000ull << 20, 1559ull << 20};
    return 0;
}
int nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) {
    const bool big = device == reinterpret_cast<void*>(1);
    *major = big ? 9 : 7;
    *minor = big ? 0 : 5;
    return 0;
}
int nvmlDeviceGetEccMode(void* device, int* current, int* pending) {
    *current = *pending = 1;
    return device == reinterpret_cast<void*>(1) ? 0 : 3;  // not supported
}
int nvmlDeviceGetTotalEccErrors(void*, int type, int counter, unsigned long long* errors) {
    if (type != 1 || counter != 0) return 2;
    *errors = static_cast<unsigned long long>(number("FAKE_ERRORS", 0));
    return 0;
}
int nvmlDeviceGetMigMode(void*, unsigned* current, unsigned* pending) {
    *current = *pending = static_cast<unsigned>(number("FAKE_MIG", 0));
    return 0;
}
int nvmlDeviceGetClockInfo(void*, int type, unsigned* mhz) {
    *mhz = type == 1 ? 345 : 2619;
    return type == 1 || type == 2 ? 0 : 2;
}
int nvmlDeviceGetMaxClockInfo(void*, int type, unsigned* mhz) {
    *mhz = type == 1 ? 1980 : 2619;
    return type == 1 || type == 2 ? 0 : 2;
}
int nvmlDeviceGetPowerManagementLimit(void*, unsigned* milliwatts) {
    *milliwatts = static_cast<unsigned>(number("FAKE_LIMIT", 700000));
    return 0;
}
int nvmlDeviceGetPowerManagementDefaultLimit(void*, unsigned* milliwatts) {
    *milliwatts = 700000;
    return 0;
}
int nvmlDeviceGetTemperature(void*, int, unsigned* celsius) {
    *celsius = 31;
    return 0;
}
#endif
#ifdef FAKE_DRIVER
int cuDriverGetVersion(int* version) {
    *version = number("FAKE_CUDA", 13000);
    return 0;
}
#endif
#ifdef FAKE_RUNTIME
int cudaRuntimeGetVersion(int* version) {
    *version = 13000;
    return 0;
}
#endif
#ifdef FAKE_DNN
unsigned long cudnnGetVersion() {
    return 91900;
}
unsigned long cudnnGetCudartVersion() {
    return 13010;
}
#endif
#ifdef FAKE_COLLECTIVES
int ncclGetVersion(int* version) {
    *version = 22809;
    return 0;
}
#endif
}
