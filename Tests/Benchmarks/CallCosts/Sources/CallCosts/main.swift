// Makes the calls of one row, for a tool that counts what they cost:
//
//     CallCosts "breaker, count window" 10000
//     CallCosts --memory "timeout, not reached" 1000000     also prints by how much memory grew
//     CallCosts --keys 1000000 slidingWindow                what so many keys of a limiter take of memory
//     CallCosts --list
//     CallCosts --scrape 1000 20                            times 20 pages of 1 000 policies
//     CallCosts --times policy                              nanoseconds of rows with that word, one caller and two
//
// Not an asynchronous main: valgrind does not survive the main thread's exit that comes with one.

import CallRows
import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

var arguments = CommandLine.arguments.dropFirst()
let measuresMemory = arguments.first == "--memory"
if measuresMemory { arguments = arguments.dropFirst() }

/// The most memory that the process has held, in KiB.
func peakMemory() -> Int {
    var usage = rusage()
    #if canImport(Glibc)
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    #elseif canImport(Musl)
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss
    #else
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss / 1024
    #endif
}

if arguments == ["--list"] {
    for row in Row.all where row.callers == 1 { print("\(row.kind.rawValue)\t\(row.name)") }
    exit(0)
}

if arguments.count == 3, arguments.first == "--keys", let rule = arguments.dropFirst(2).first {
    guard let number = arguments.dropFirst().first.flatMap({ Int($0) }), number > 0 else { exit(2) }
    guard let keys = try KeyedKeys(rule, number) else { exit(2) }
    let before = peakMemory()
    let held = keys.fill()
    let grown = peakMemory() - before
    let bytes = Double(grown) * 1024 / Double(number) - Double(KeyedKeys.bytesOfKey)
    print("\(rule): \(held) keys, \(grown) KiB more, \(Int(bytes.rounded())) bytes a key beside the key itself")
    exit(0)
}

if arguments.count == 3, arguments.first == "--scrape" {
    let numbers = arguments.dropFirst().compactMap { Int($0) }
    guard numbers.count == 2, numbers.allSatisfy({ $0 > 0 }) else { exit(2) }
    let (durations, bytes) = try Scrape.measure(policies: numbers[0], pages: numbers[1])
    let sorted = durations.sorted()
    print("\(bytes) bytes; fastest \(sorted[0]), median \(sorted[sorted.count / 2]), slowest \(sorted.last ?? .zero)")
    exit(0)
}

if arguments.count == 2, arguments.first == "--times", let word = arguments.last {
    let isDone = DispatchSemaphore(value: 0)
    Task.detached {
        print("| row | one caller: median (fastest–slowest) | each of two | ratio |")
        print("|---|---:|---:|---:|")
        for row in Row.all where row.callers == 1 && row.name.contains(word) {
            do {
                let times = try await CallTimes.measure(row)
                let ratio = (times.two.median / times.one.median * 100).rounded() / 100
                print("| \(row.name) | \(text(times.one)) | \(text(times.two)) | \(ratio) |")
            } catch {
                print("| \(row.name) | \(error) | | |")
            }
        }
        isDone.signal()
    }
    isDone.wait()
    exit(0)
}

func text(_ spread: CallTimes.Spread) -> String {
    "\(Int(spread.median.rounded())) (\(Int(spread.fastest.rounded()))–\(Int(spread.slowest.rounded())))"
}

guard arguments.count == 2, let name = arguments.first, let count = arguments.last.flatMap({ Int($0) }),
    let row = Row.all.first(where: { $0.name == name })
else {
    print("usage: CallCosts --list | --times <word> | --scrape <policies> <pages> | --keys <number> <rule>")
    print("       CallCosts [--memory] <row> <number of calls>")
    exit(2)
}

let isDone = DispatchSemaphore(value: 0)
Task.detached {
    do {
        let loop = try row.prepared()
        try await loop(1000)
        let before = peakMemory()
        try await loop(count)
        if measuresMemory { print("\(peakMemory() - before) KiB more after \(count) calls") }
    } catch {
        print("\(name): \(error)")
        exit(1)
    }
    isDone.signal()
}
isDone.wait()
