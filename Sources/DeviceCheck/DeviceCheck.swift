// The DeviceCheck module.
