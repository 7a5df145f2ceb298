import Testing

@testable import RateLimiters

/// The permits that are taken without the lock.
@Suite("Shared limiter: the word")
struct SharedLeaseWordTests {
    private static let year: Int64 = 366 * 86_400_000_000_000

    private final class Word: Sendable {
        private let word = LeaseWord()

        /// Whether permits are granted, and whether few are left now; `nil` if it is to be decided under the lock.
        func take(_ permits: Int, at now: Int64) -> Bool? {
            if case .granted(let isLow) = word.take(permits, at: now) { isLow } else { nil }
        }

        func takeOut() -> Int { word.takeOutLocked() }

        func putBack(_ permits: Int, until end: Int64, low: Int = 0) {
            word.putBackLocked(permits, until: end, low: low)
        }
    }

    @Test("a word into which nothing was put grants nothing, at no time", arguments: [.min, -1, 0, 1, .max] as [Int64])
    func empty(now: Int64) {
        let word = Word()
        #expect(word.take(1, at: now) == nil && word.takeOut() == 0)
        word.putBack(3, until: .max)
        #expect(word.takeOut() == 3)
        #expect(word.take(1, at: now) == nil && word.takeOut() == 0)
    }

    @Test("as many are granted as were put in, and it is said once that few are left", arguments: 0...5)
    func low(low: Int) {
        let word = Word()
        word.putBack(12, until: 1 << 30, low: low)
        var told: [Bool] = []
        while let isLow = word.take(2, at: 5) { told.append(isLow) }
        // 10, 8, 6, 4, 2 and 0 are left.
        #expect(told == [10, 8, 6, 4, 2, 0].map { $0 <= low && $0 + 2 > low })
        #expect(word.take(1, at: 5) == nil && word.takeOut() == 0)
    }

    @Test("of several takers at once each gets different permits, and one is told that few are left")
    func atOnce() async {
        let (word, permits) = (Word(), 500_000)
        word.putBack(permits, until: 1 << 30, low: permits / 2)
        let (granted, told) = await withTaskGroup(of: (Int, Int).self) { group in
            for number in 1...4 {
                group.addTask {
                    var (granted, told) = (0, 0)
                    while let isLow = word.take(number, at: 5) {
                        granted += number
                        if isLow { told += 1 }
                    }
                    return (granted, told)
                }
            }
            return await group.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        }
        #expect(granted + word.takeOut() == permits && told == 1)
    }

    @Test("more than there are is granted only under the lock")
    func tooMany() {
        let word = Word()
        word.putBack(LeaseWord.mostPermits, until: 1 << 30)
        #expect(word.take(LeaseWord.mostPermits + 1, at: 0) == nil)
        #expect(word.take(LeaseWord.mostPermits - 1, at: 0) == false)
        #expect(word.take(2, at: 0) == nil && word.take(1, at: 0) == true)
    }

    @Test("never after its end, and until at most a millisecond and a bit before")
    func end() {
        for end in [0, 1, 1_000, 1_048_575, 1_048_576, 3_000_000, 7 * Self.year, 17 * Self.year, .max] as [Int64] {
            let word = Word()
            word.putBack(9, until: end)
            #expect(word.take(1, at: end) == nil && word.take(1, at: .max) == nil)
            if end > 0 { #expect((word.take(1, at: end - 1) == nil) == (end % (1 << 20) != 0 || end == .max)) }
            #expect((word.take(1, at: max(0, min(end, 17 * Self.year) - (1 << 20))) == nil) == (end < 1 << 20))
        }
    }

    @Test("what ends later than the word can tell ends when it can tell no more", arguments: [1 << 59, 1 << 60, .max])
    func latestEnd(end: Int64) {
        let last: Int64 = (1 << 39 - 1) << 20
        let word = Word()
        word.putBack(3, until: end)
        #expect(word.take(1, at: last - 1) == false && word.take(1, at: last) == nil && word.takeOut() == 2)
    }
}
