import AntRandom
import Testing

@Suite struct PhiloxTests {
  /// The known answers published with Random123 (kat_vectors, philox4x32 10).
  @Test func knownAnswers() {
    #expect(
      Philox.block(counter: .zero, key: .zero)
        == Philox.Block(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox.block(counter: Philox.Block(repeating: .max), key: SIMD2(repeating: .max))
        == Philox.Block(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox.block(
        counter: Philox.Block(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2(0xa409_3822, 0x299f_31d0))
        == Philox.Block(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func wordsAreTheBlocksInOrder() {
    let stream = RandomStream(seed: 7, purpose: .sampling, layer: 3, step: 11)
    for index in 0..<UInt64(40) {
      #expect(stream.word(index) == stream.block(index / 4)[Int(index % 4)])
    }
    #expect(stream.word(0) != RandomStream(seed: 7, purpose: .sampling, layer: 3, step: 12).word(0))
    #expect(
      stream.word(0) != RandomStream(seed: 7, purpose: RandomStream.Purpose(16), layer: 3, step: 11).word(0))
  }
}
