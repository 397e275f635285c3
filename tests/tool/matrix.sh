#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The matrix: what is the same is shown once, full is not unfit, and the page is looked at
# as a reader would. Pictures of it are left in build/check/.
set -u
here=$(dirname "$(readlink -f "$0")")
top=$(dirname "$(dirname "$here")")
. "$here/lib.sh"
tool=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
consumers=$("$top/tests/lab/lab" path consumers 2>/dev/null)
matrix="python3 $here/matrix.py"

# lacks NAME REGEX: the last command's output, on neither channel, has it.
lacks() {
	if cat "$tmp/out" "$tmp/err" | grep -qE -- "$2"; then fail "$1"; else pass "$1"; fi
}

# 1,000 hosts of ten kinds; of the last one all are full, of the others some.
$matrix fleet 1000 10 >"$tmp/fleet.json"
run 0 "matrix of 1,000 hosts" "$tool" matrix "$tmp/fleet.json"
run 0 "... a column for each kind" test "$(sed -n '1s/from . to//p' "$tmp/out" | wc -w)" = 10
run 0 "matrix, to read" "$tool" matrix "$tmp/fleet.json"
says "... identical to the same kind" "^   1  host00000 +="
says "... who stands for whom" "^to 3: host00002 host00012 "
says "... how many are full" "^1 -> 2: 14 of 100 hosts are full now$"
says "... all of the last" "^1 -> 10: 100 of 100 hosts are full now$"
says "... which is a mark of its own" "^   1  host00000 .* f$"
says "... what does not fit has a reason" "^2 -> 1: 1 of 2 fit: .*rx-filter-size: the source has 16"
run 0 "as a page" "$tool" matrix --html "$tmp/page.html" "$tmp/fleet.json"
run 0 "... of 2 MB at most" test "$(wc -c <"$tmp/page.html")" -le 2000000
run 0 "in JSON" sh -c "'$tool' matrix --json '$tmp/fleet.json' >'$tmp/answer'"
run 0 "... of 100 KB at most" test "$(wc -c <"$tmp/answer")" -le 100000
run 0 "... ten groups" test "$(grep -c '"to": 9' "$tmp/answer")" = "$(grep -c '"to": 0' "$tmp/answer")"
$matrix fleet 1000 10 busy >"$tmp/busy.json"
run 0 "in JSON, hosts each of which has other devices" sh -c "'$tool' matrix --json '$tmp/busy.json' >'$tmp/answer'"
run 0 "... of 2 MB at most" test "$(wc -c <"$tmp/answer")" -le 2000000
$matrix fleet 60 10 >"$tmp/some.json"
run 0 "... says of each pair what --pairs says" sh -c "'$tool' matrix --json '$tmp/some.json' >'$tmp/answer' && $matrix groups '$tmp/answer' '$tmp/some.json' '$tool'"
run 2 "--pairs without --json" "$tool" matrix --pairs "$tmp/some.json"
says "... says so" "--pairs is only for --json"
run 0 "of hosts each of which has other devices" "$tool" matrix --html "$tmp/busy.html" "$tmp/busy.json"
run 0 "... of 2 MB at most" test "$(wc -c <"$tmp/busy.html")" -le 2000000
run 0 "... that can be read without a script" sh -c "$matrix page '$tmp/page.html' >'$tmp/cells'"
run 0 "... all cells" test "$(wc -l <"$tmp/cells")" = "$(($(grep -c '^<tr><th scope="row"' "$tmp/page.html") * 10))"
run 0 "... what is full" cat "$tmp/cells"
says "... would fit" "^host00000and 99 more -> host00009and 99 more: full: . full now: The device would fit"
says "... some are" "^host00000and 99 more -> host00001and 99 more: fits: . fits14 of 100 full: rx-filter-size: the source has 8"
says "... what does not fit leads to its reason" "^host00001.* -> host00000.*: no: .*the source has 16, the destination allows 0-8"
lacks "... full is not unfit" "(no|open): .*no more devices"
run 0 "each pair of hosts is what check says of it" $matrix same "$tool" "$tmp/same" "${FUZZ_SEED:-1}" 10

# Whether it is known that there is room; parents that have other names; hosts alone.
for parent in 1 2; do
	make_type "$tmp/p$parent" 0000:0$parent:00.0 nic-v1 https://example.org/nic v1 1 "mtu:uint:0:0:0-9000"
	make_type "$tmp/p$parent" 0000:1$parent:00.0 nic-v1 https://example.org/nic v1 0 "mtu:uint:0:0:0-9000"
done
make_type "$tmp/open" nic nic-v1 https://example.org/nic v1 many "mtu:uint:0:0:0-1500"
make_type "$tmp/full" nic nic-v1 https://example.org/nic v1 0 "mtu:uint:0:0:0-1499"
for host in p1 p2 open full; do
	"$tool" export --root "$tmp/$host" -o "$tmp/$host.json"
done
mkdir -p "$tmp/none/bus" "$tmp/none/kernel"
put "$tmp/none/kernel/hostname" none
"$tool" export --root "$tmp/none" -o "$tmp/none.json" 2>/dev/null
run 0 "kinds" "$tool" matrix "$tmp/p1.json" "$tmp/p2.json" "$tmp/open.json" "$tmp/full.json" "$tmp/none.json"
says "... a kind whatever its parents are called; unknown, full, nothing" "^   1  p1 +=    [?]    f    x$"
says "... from where nothing is" "^   5  none +[.]    [.]    [.]    [.]$"
says "... both" "^to 1: p1 p2$"
says "... that it is not known" "^1 -> 3: of 1 of 1 hosts it is not known whether there is room"
run 0 "of one host" "$tool" matrix --html "$tmp/one.html" "$tmp/p1.json"
run 0 "... a page" $matrix page "$tmp/one.html"
run 0 "of a host with nothing" "$tool" matrix --html "$tmp/nothing.html" "$tmp/none.json"
run 0 "... a page" $matrix page "$tmp/nothing.html"

# Names that would be markup.
$matrix fleet 4 2 hostile >"$tmp/hostile.json"
run 0 "names that are markup" "$tool" matrix --html "$tmp/hostile.html" "$tmp/hostile.json"
run 0 "... are none" $matrix page "$tmp/hostile.html"
says "... but can be read" "host00000<script>document.title='x'</script>\"'&<!--\\\\u202e\\\\u009b"

# HTML as it is to be.
if [ -d "$consumers" ]; then
	tree=$("$top/tests/lab/lab" path tree)
	for page in page one nothing hostile; do
		run 0 "tidy has nothing against it: $page" "$tree/usr/lib64/ld-linux-x86-64.so.2" \
			--library-path "$tree/usr/lib/x86_64-linux-gnu:$consumers/lib" \
			"$consumers/tidy" -errors -quiet --show-info no "$tmp/$page.html"
		lacks "... nor to say" .
	done
	sed 's/<ul>/<ul><p>/' "$tmp/page.html" >"$tmp/bad.html"
	run 1 "... which it has against another" "$tree/usr/lib64/ld-linux-x86-64.so.2" \
		--library-path "$tree/usr/lib/x86_64-linux-gnu:$consumers/lib" \
		"$consumers/tidy" -errors -quiet "$tmp/bad.html"
else
	skip "tidy has nothing against it" "there is no tidy: tests/lab/lab setup consumers"
fi

# In a browser.
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
	skip "the page in a browser" "there is no chromium"
	finish
fi
# browse PAGE ARGUMENT...
browse() {
	page=$1
	shift
	timeout 120 "$browser" --headless --no-sandbox --disable-gpu --no-first-run \
		--disable-background-networking --disable-sync --disable-component-update \
		--hide-scrollbars --window-size=1400,900 --user-data-dir="$tmp/chromium" \
		"$@" "file://$tmp/$page.html" 2>/dev/null
}
# do_in PAGE SCRIPT: as if a reader did; what it puts into the title is told.
do_in() {
	{
		sed 's,^</body>,,; s,^</html>,,' "$tmp/$1.html"
		echo "<script>document.title = (function () { $2 })();</script></body></html>"
	} >"$tmp/done.html"
	browse "done" --dump-dom | sed -n 's,.*<title>\(.*\)</title>.*,title: \1,p'
}
run 0 "names that are markup, in the browser" do_in hostile "return document.title + document.scripts.length;"
says "... do nothing" "^title: What can move where2$"
cat >"$tmp/reader.js" <<'EOF'
function one(selector) { return document.querySelector(selector); }
function shown(selector) {
	return Array.from(document.querySelectorAll(selector)).filter(
		function (e) { return e.getClientRects().length; }).length;
}
function type(id, text) {
	one('#' + id).value = text;
	one('#' + id).dispatchEvent(new Event('input', { bubbles: true }));
}
function scrolled() {
	var f = one('.frame'), box, head, first;
	f.style.maxWidth = '500px';
	f.style.maxHeight = '300px';
	f.scrollTop = f.scrollLeft = 200;
	box = f.getBoundingClientRect();
	head = one('thead th:last-child').getBoundingClientRect();
	first = one('tbody tr:last-child th').getBoundingClientRect();
	return [f.scrollTop, f.scrollLeft, head.top - box.top, first.left - box.left].map(Math.round);
}
function reason() {
	var a = one('td.no a');
	a.focus();
	var is_focused = document.activeElement === a && a.tabIndex === 0;
	a.click();
	return is_focused + ' ' + one(':target').textContent.slice(0, 26);
}
function name() {
	one('thead a').click();
	return one(':target').textContent.slice(0, 20) + one(':target').closest('details').open;
}
var said = ['rows ' + (shown('tbody tr') > 5), 'columns ' + shown('thead th')];
type('from', 'HOST00997');
type('to', 'host0000');
said.push('filtered ' + [shown('tbody tr'), shown('thead th'), shown('tbody td')]);
type('from', '');
type('to', 'host00123');
said.push('one ' + [shown('tbody tr') > 5, shown('thead th'), shown('tbody td') === shown('tbody tr')]);
type('to', '');
said.push('back ' + shown('thead th'), 'reason ' + reason(), 'name ' + name(), 'stay ' + scrolled());
return said.join('; ');
EOF
run 0 "the page in a browser" do_in page "$(cat "$tmp/reader.js")"
says "... has the table" "^title: rows true; columns 11;"
says "... a filter leaves the row that stands for a host, and the columns" "; filtered 1,11,10;"
says "... or the one column" "; one true,2,true;"
says "... and, taken back, all" "; back 11;"
says "... a reason is reached by keyboard" "; reason true virtio_net/virtio_net-v[1-3]: ;"
says "... a name leads to its hosts" "; name host00000, host00010true;"
says "... scrolled, the first row and column stay" "; stay 200,200,1,1$"

# Pictures, for who looks at them.
mkdir -p "$top/build/check"
for look in light:1 dark:0; do
	browse page --blink-settings=preferredColorScheme="${look#*:}" \
		--screenshot="$top/build/check/matrix-${look%:*}.png" >"$tmp/out" 2>"$tmp/err"
	run 0 "a picture, ${look%:*}" $matrix bright "$top/build/check/matrix-${look%:*}.png"
	echo "# build/check/matrix-${look%:*}.png: $(cat "$tmp/out") of 255"
	eval "${look%:*}=\$(cat \"\$tmp/out\")"
done
# shellcheck disable=SC2154
run 0 "... light is light, and dark is dark" test "${light:-0}" -gt 150 -a "${dark:-255}" -lt 90
finish
