import Foundation

/// Runs a target: the first argument, of the rest libFuzzer makes what it makes of them.
@main
struct Fuzz {
    static func main() {
        var arguments = CommandLine.arguments
        guard arguments.count > 1, let target = Target(rawValue: arguments.remove(at: 1)) else {
            print("usage: Fuzz \(Target.allCases.map(\.rawValue).joined(separator: "|")) [options of libFuzzer]")
            exit(64)
        }
        current = target
        var count = Int32(arguments.count)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        exit(
            pointers.withUnsafeMutableBufferPointer { buffer in
                var start = buffer.baseAddress
                return runDriver(&count, &start) { bytes, size in
                    current.run(size > 0 ? Array(UnsafeBufferPointer(start: bytes, count: size)) : [])
                    return 0
                }
            })
    }
}

/// What can be fuzzed.
enum Target: String, CaseIterable {
    /// Texts as the document of a module.
    case documents
    /// Documents made of the words that a module knows.
    case trees
    /// `Retry-After` and `grpc-retry-pushback-ms`.
    case headers
    /// Saved state of a breaker and of a module.
    case snapshots
    /// Names, labels and values on a page for Prometheus.
    case names

    func run(_ bytes: [UInt8]) {
        switch self {
        case .documents: fuzzDocument(bytes)
        case .trees: fuzzTree(bytes)
        case .headers: fuzzHeader(bytes)
        case .snapshots: fuzzSnapshot(bytes)
        case .names: fuzzNames(bytes)
        }
    }
}

/// Set once, before anything runs.
nonisolated(unsafe) private var current = Target.documents

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// What has to hold whatever the input is.
func check(_ holds: Bool, _ rule: @autoclosure () -> String) {
    if !holds { fatalError(rule()) }
}

/// Choices out of bytes; zeros when they are used up.
struct Choices {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        self.bytes = bytes[...]
    }

    var isEmpty: Bool { bytes.isEmpty }

    mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    mutating func number(below limit: Int) -> Int { Int(byte()) % limit }

    mutating func word() -> UInt64 { (0..<8).reduce(0) { word, _ in word << 8 | UInt64(byte()) } }

    mutating func element<Element>(of elements: [Element]) -> Element { elements[number(below: elements.count)] }

    mutating func text() -> String {
        let length = number(below: 24)
        defer { bytes = bytes.dropFirst(length) }
        return String(decoding: bytes.prefix(length), as: UTF8.self)
    }
}

/// Not called. Builds that are not optimised link libFuzzer's `main` too, which this program's takes the place of, and
/// that one asks for it.
@_cdecl("LLVMFuzzerTestOneInput")
func runNothing(_ bytes: UnsafePointer<UInt8>?, _ size: Int) -> Int32 { 0 }
