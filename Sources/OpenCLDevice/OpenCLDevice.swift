// The OpenCLDevice module.
