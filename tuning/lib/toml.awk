# Reads the part of TOML that vesta.toml is written in, and prints "path<TAB>value" for each value:
# tables, arrays of tables (numbered from 0), dotted and quoted keys, strings of one line, numbers, booleans,
# arrays over any number of lines, inline tables. An element of an array has its number as key.
#
# What it can not read ends it with status 3 and a message with the line: wrong settings would be worse. It is
# no judge of a file: `vesta inspect config` is.
{
    sub(/\r$/, "")
    text = text $0 "\n"
}
END {
    at = 1
    line = 1
    table = ""
    while (skip_blank(1)) {
        if (now() == "[") header()
        else {
            pair(table)
            skip_blank(0)
            if (now() != "\n" && now() != "") stop("more on the line than one value")
        }
    }
}
function now() { return substr(text, at, 1) }
function stop(why) {
    printf "line %d: %s\n", line, why > "/dev/stderr"
    exit 3
}
# Over blanks and comments, with `lines` over line feeds too; 0 at the end of the text.
function skip_blank(lines, c) {
    while ((c = now()) != "") {
        if (c == "#") { while (now() != "\n" && now() != "") at++ }
        else if (c == "\n" && lines) { at++; line++ }
        else if (c == " " || c == "\t") at++
        else return 1
    }
    return 0
}
function join(a, b) { return a == "" ? b : a "." b }
# A key, dotted or not: returns its path.
function key(path, part) {
    for (;;) {
        skip_blank(0)
        if (now() == "\"" || now() == "'") part = quoted()
        else if (match(substr(text, at, 256), /^[A-Za-z0-9_-]+/)) {
            part = substr(text, at, RLENGTH)
            at += RLENGTH
        } else stop("a key was expected at '" substr(text, at, 10) "'")
        path = join(path, part)
        skip_blank(0)
        if (now() != ".") return path
        at++
    }
}
# Within a table of an array the last element is meant: list.key is list.N.key.
function placed(path, parts, n, i, out) {
    n = split(path, parts, ".")
    out = ""
    for (i = 1; i <= n; i++) {
        out = join(out, parts[i])
        if (out in count) out = out "." (count[out] - 1)
    }
    return out
}
function header(list, path, parts, n, head) {
    at++
    list = (now() == "[")
    if (list) at++
    path = key("")
    if (now() != "]") stop("a ']' was expected")
    at++
    if (list) {
        if (now() != "]") stop("']]' was expected")
        at++
        n = match(path, /\.[^.]*$/)
        head = n ? placed(substr(path, 1, n - 1)) "." substr(path, n + 1) : path
        table = head "." (count[head] + 0)
        count[head]++
    } else table = placed(path)
    skip_blank(0)
    if (now() != "\n" && now() != "") stop("more on the line than a table's name")
}
function pair(prefix, path) {
    path = key(prefix)
    if (now() != "=") stop("'=' was expected after " path)
    at++
    skip_blank(0)
    value(path)
}
function quoted(mark, out, c) {
    mark = now()
    if (substr(text, at, 3) == mark mark mark) stop("strings of several lines are not read here")
    at++
    out = ""
    while ((c = now()) != mark) {
        if (c == "\n" || c == "") stop("a string does not end")
        if (c == "\\" && mark == "\"") {
            at++
            c = now()
            if (c == "t") c = "\t"
            else if (c != "\"" && c != "\\") stop("the escape \\" c " is not read here")
        }
        out = out c
        at++
    }
    at++
    return out
}
function value(path, c, n) {
    c = now()
    if (c == "\"" || c == "'") { print path "\t" quoted(); return }
    if (c == "[") {
        at++
        for (n = 0; ; n++) {
            skip_blank(1)
            if (now() == "]") break
            value(path "." n)
            skip_blank(1)
            if (now() == ",") at++
            else if (now() != "]") stop("',' or ']' was expected")
        }
        at++
        return
    }
    if (c == "{") {
        at++
        skip_blank(0)
        while (now() != "}") {
            pair(path)
            skip_blank(0)
            if (now() == ",") { at++; skip_blank(0) }
            else if (now() != "}") stop("',' or '}' was expected")
        }
        at++
        return
    }
    if (!match(substr(text, at, 64), /^[A-Za-z0-9_.:+-]+/)) stop("a value was expected")
    c = substr(text, at, RLENGTH)
    at += RLENGTH
    if (c ~ /^[+-]?[0-9][0-9_]*$/) { gsub(/[_+]/, "", c) }
    else if (c != "true" && c != "false" && c !~ /^[+-]?[0-9]/) stop("'" c "' is no value")
    print path "\t" c
}
