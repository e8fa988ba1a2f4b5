// The precompiled header: everything of libtorch that this kit's units use. Tensors and automatic differentiation; not torch::nn, whose headers cost as much again.
#pragma once

#include <torch/csrc/api/include/torch/types.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>
