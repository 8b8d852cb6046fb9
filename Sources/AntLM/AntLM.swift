// The AntLM module.
