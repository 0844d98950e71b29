// A database of the test's own, for tests in Go: `ost-assets clone` gives its URL, `ost-assets drop` ends it.
package example

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// ostDatabase returns the URL of a fresh clone of the test data, dropped when the test ends.
func ostDatabase(t *testing.T) string {
	t.Helper()
	url := ostAssets(t, "clone")
	t.Cleanup(func() { ostAssets(t, "drop", url) })
	return url
}

func ostAssets(t *testing.T, arguments ...string) string {
	t.Helper()
	command := exec.Command("ost-assets", arguments...)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("ost-assets %s: %v", arguments[0], err)
	}
	return strings.TrimSpace(string(output))
}

func TestADatabaseOfItsOwn(t *testing.T) {
	ctx := context.Background()
	for range 2 { // what the first round deletes, the second one finds again
		connection, err := pgx.Connect(ctx, ostDatabase(t))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close(ctx)
		deleted, err := connection.Exec(ctx, `delete from "USER_PROJECT_SIMILARITY"`)
		if err != nil {
			t.Fatal(err)
		}
		if deleted.RowsAffected() != 15 {
			t.Errorf("%d rows deleted, want 15", deleted.RowsAffected())
		}
	}
}
