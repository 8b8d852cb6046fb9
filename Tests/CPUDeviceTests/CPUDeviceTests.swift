// Tests of CPUDevice.
