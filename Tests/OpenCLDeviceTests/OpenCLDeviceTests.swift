// Tests of OpenCLDevice.
