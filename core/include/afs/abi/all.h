/* Every header of the contract. */
#pragma once
#include "afs/abi/base.h"
#include "afs/abi/chat.h"
#include "afs/abi/device.h"
#include "afs/abi/env.h"
#include "afs/abi/graph.h"
#include "afs/abi/model.h"
#include "afs/abi/ops.h"
#include "afs/abi/program.h"
#include "afs/abi/step.h"
#include "afs/abi/tensor.h"
#include "afs/abi/tokenizer.h"
