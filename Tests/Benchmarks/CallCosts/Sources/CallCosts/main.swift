// Makes the calls of one row, for a tool that counts what they cost:
//
//     CallCosts "breaker, count window" 10000
//     CallCosts --memory "timeout, not reached" 1000000     also prints by how much memory grew
//     CallCosts --list
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

guard arguments.count == 2, let name = arguments.first, let count = arguments.last.flatMap({ Int($0) }),
    let row = Row.all.first(where: { $0.name == name })
else {
    print("usage: CallCosts --list | CallCosts [--memory] <row> <number of calls>")
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
