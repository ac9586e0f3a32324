// Versions of the CUDA parts, each asked of the part itself.
#pragma once
#include <string>
#include <vector>

namespace env_cuda {

struct Version {
    int number = 0;      // 13000: 13.0; 0: not there
    std::string where;   // the file that said so
    std::string detail;  // "13.0.88"; why it is not there
};

std::string cuda_text(int number);  // 12040 -> "12.4"

Version driver_api();                             // libcuda.so.1
Version runtime();                                // libcudart.so
Version compiler();                               // nvcc
Version cudnn(int& cuda);                         // 90100: 9.1.0; cuda: what it was built for
Version nccl();                                   // 22304: 2.23.4
std::string library_text(int number, int width);  // 22304, 10000 -> "2.23.4"

// Where toolkits lie: CUDA_HOME, CUDA_PATH, then /usr/local/cuda.
std::vector<std::string> toolkit_folders();

}  // namespace env_cuda
