#if AsyncHTTPClient
    /// The host of a URL, with its port if that is not the usual one: `api.example.com:8443`.
    ///
    /// - Returns: Empty for what is no URL with a host, so that such texts share one policy.
    func authority(of url: String) -> String {
        guard let separator = url.range(of: "://") else { return "" }
        let scheme = url[..<separator.lowerBound].lowercased()
        var rest = url[separator.upperBound...]
        if let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" || $0 == "#" }) { rest = rest[..<end] }
        if let userInfo = rest.lastIndex(of: "@") { rest = rest[rest.index(after: userInfo)...] }
        let host = rest.lowercased()
        guard !host.isEmpty, host.utf8.count <= 512 else { return "" }
        guard let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") else { return host }
        let port = host[host.index(after: colon)...]
        return port.isEmpty || port == usualPort(scheme) ? String(host[..<colon]) : host
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

    private func usualPort(_ scheme: String) -> String {
        switch scheme {
        case "http": "80"
        case "https": "443"
        default: ""
        }
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
