// Tests of DeviceCheck.
