import Resilience

/// A hint is a time that is not negative, or says that there is none; the same header an hour later asks for no more.
func fuzzHeader(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    for now in [0, 784_111_777.5, 4_102_444_800, -1e300, .infinity, .nan] {
        let hint = ServerHint.http(retryAfter: text, secondsSince1970: now)
        guard case .retryAfter(let delay) = hint else { continue }
        check(delay >= .zero, "\(hint) of \(text)")
        if case .retryAfter(let later) = ServerHint.http(retryAfter: text, secondsSince1970: now + 3600) {
            check(later <= delay, "\(later) after \(delay), of \(text)")
        }
    }
    let digits = text.filter { $0.isASCII && $0.isNumber }
    if !digits.isEmpty {
        guard case .retryAfter = ServerHint.http(retryAfter: digits, secondsSince1970: 0) else {
            return check(false, "\(digits) is not read")
        }
    }
    if case .retryAfter(let delay) = ServerHint.grpc(pushback: text) { check(delay >= .zero, "\(delay) of \(text)") }
}
