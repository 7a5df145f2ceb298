#if AsyncHTTPClient
    internal import HTTPSemantics

    /// The host of a URL, with its port if that is not the usual one: `api.example.com:8443`.
    ///
    /// - Returns: Empty for what is no URL with a host, so that such texts share one policy.
    func authority(of url: String) -> String {
        guard let separator = url.range(of: "://") else { return "" }
        let scheme = String(url[..<separator.lowerBound])
        var rest = url[separator.upperBound...]
        if let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" || $0 == "#" }) { rest = rest[..<end] }
        if let userInfo = rest.lastIndex(of: "@") { rest = rest[rest.index(after: userInfo)...] }
        guard !rest.isEmpty, rest.utf8.count <= 512 else { return "" }
        return HTTPAuthority.name(String(rest), scheme: scheme)
    }

    /// What comes after the authority of a URL, without a fragment; of what has no authority, all.
    func pathAndQuery(of url: String) -> String {
        var rest = url[...]
        if url.first != "/", let separator = url.range(of: "://") {
            rest = url[separator.upperBound...]
            rest = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" }.map { rest[$0...] } ?? ""
        }
        rest = rest.prefix { $0 != "#" }
        return rest.first == "/" ? String(rest) : "/" + rest
    }

    extension String {
        /// Where a text begins and ends in this one.
        fileprivate func range(of text: String) -> Range<String.Index>? {
            var start = startIndex
            while start < endIndex {
                if self[start...].hasPrefix(text) {
                    return start..<index(start, offsetBy: text.count)
                }
                start = index(after: start)
            }
            return nil
        }
    }
#endif
