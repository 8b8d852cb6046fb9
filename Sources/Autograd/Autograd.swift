// The Autograd module.
