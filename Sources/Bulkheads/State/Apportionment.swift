/// Whole numbers in proportion to shares that add up to 1, by the largest remainders (Hamilton's method): each gets
/// what its share comes to, rounded down, and what is left goes to those who lost most by rounding, the first of equals
/// first.
func apportion(_ total: Int, by shares: [Double]) -> [Int] {
    var left = total
    var remainders: [(index: Int, remainder: Double)] = []
    var result = shares.enumerated().map { index, share in
        let exact = share * Double(total)
        // 0.29 · 100 is a little less than 29.
        let whole = min(left, max(0, Int((exact + 1e-6).rounded(.down))))
        left -= whole
        remainders.append((index, exact - Double(whole)))
        return whole
    }
    let order = remainders.sorted { $0.remainder == $1.remainder ? $0.index < $1.index : $0.remainder > $1.remainder }
    for (index, remainder) in order where left > 0 && remainder > 1e-6 {
        result[index] += 1
        left -= 1
    }
    return result
}
