package postgres

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/cacheops/cacheops/integration/trial"
)

// Processes that connect alike share entries, whatever address they use; others do
// not.
func TestWhoSharesEntries(t *testing.T) {
	w := onPgx(t, nil)
	w.fill()
	w.Warm(one)
	if _, r := trial.Read(t, w.another(pgxConnector(t, w.dsn+"&application_name=another"), nil), one); !r.Hit {
		t.Errorf("another process has no hit: %+v", r)
	}
	hook := stdlib.OptionAfterConnect(func(context.Context, *pgx.Conn) error { return nil })
	if _, r := trial.Read(t, w.another(pgxConnector(t, w.dsn, hook), nil), one); r.Hit {
		t.Error("a hit where a hook may have registered types")
	}
	if _, r := trial.Read(t, w.another(pgxConnector(t, w.dsn+"&default_query_exec_mode=simple_protocol"), nil), one); r.Hit {
		t.Error("a hit in another mode")
	}
	if _, r := trial.Read(t, w.another(pqConnector(t, w.dsn), nil), one); r.Hit {
		t.Error("a hit of another driver's")
	}
	w.WarmOn(w.another(pqConnector(t, w.dsn), nil), one)
	if _, r := trial.Read(t, w.another(pqConnector(t, w.dsn+"&fallback_application_name=x"), nil), one); !r.Hit {
		t.Errorf("another process of lib/pq's has no hit: %+v", r)
	}
}
