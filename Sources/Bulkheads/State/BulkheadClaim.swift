/// What a call has to give back: a number in an admission, so that most calls carry nothing more for it.
enum BulkheadClaim: Sendable, Hashable {
    /// A slot, counted for a partition.
    case slot(part: Int)
    /// The slot of a call that is marked, by the call's number.
    case call(Int32)
    /// The slot of the call around this one, by that call's number.
    case loan(Int32)

    static let largestNumber: Int32 = 1 << 30 - 2

    /// Not negative for a slot alone.
    var code: Int32 {
        switch self {
        case .slot(let part): Int32(truncatingIfNeeded: part)
        case .call(let number): -2 * number
        case .loan(let number): -2 * number - 1
        }
    }

    init(code: Int32) {
        if code >= 0 {
            self = .slot(part: Int(code))
        } else {
            self = code % 2 == 0 ? .call(code / -2) : .loan((code + 1) / -2)
        }
    }
}
