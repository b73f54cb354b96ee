// A name that nothing uses: script/lint expects misc-unused-using-decls to reject it. Never
// compiled.
#include <vector>

using std::vector;
