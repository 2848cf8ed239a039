#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# make demo PUBLISH=1: runs the demo; what it has printed becomes docs/demo-transcript.md, if all
# that is shown worked.

set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2

said=$(mktemp)
trap 'rm -f "$said"' EXIT
tests/demo.sh | tee "$said" || exit
{
	cat <<-END
		<!-- SPDX-License-Identifier: Apache-2.0 -->
		# A run of the demo

		What \`make demo\` has printed, unabridged, on $(nproc) processors with a load of
		$(cut -d' ' -f1 /proc/loadavg) at its end. \`make demo PUBLISH=1\` makes this page anew.
		[threat-model.md](threat-model.md) says who is trusted with what, and
		[cvm-image.md](cvm-image.md) what the image and its agent are.

		\`\`\`
	END
	cat "$said"
	echo '```'
} >docs/demo-transcript.md
