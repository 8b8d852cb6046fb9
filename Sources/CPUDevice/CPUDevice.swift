// The CPUDevice module.
