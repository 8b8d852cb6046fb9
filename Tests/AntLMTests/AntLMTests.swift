// Tests of AntLM.
