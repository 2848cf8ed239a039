#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# prelude.sh LAUNCH.H: C source with the text of launch.h as hg_source_prelude, without
# comments that stand alone.
set -eu
echo '/* SPDX-License-Identifier: Apache-2.0 */'
echo '/* Made by prelude.sh from launch.h. */'
echo '#include "source.h"'
echo 'const char hg_source_prelude[] ='
awk '
	/^\/\*.*\*\/$/ { next }
	/^\/\*/ { comment = 1 }
	!comment {
		gsub(/\\/, "\\\\\\\\"); gsub(/"/, "\\\""); gsub(/[ \t]+/, " ")
		print "\t\"" $0 "\\n\""
	}
	/\*\/$/ { comment = 0 }
' "$1"
echo ';'
