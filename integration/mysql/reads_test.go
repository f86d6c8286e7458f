package mysql

import (
	"testing"

	"github.com/cacheops/cacheops/integration/trial"
)

// TestReadsOfMoreThanTheyShow: what a read leaves out may still decide what it shows.
func TestReadsOfMoreThanTheyShow(t *testing.T) {
	four := []string{"CREATE TABLE t (id INT PRIMARY KEY, x INT)", "INSERT INTO t VALUES (1, 9), (2, 9), (3, 1), (4, 1)"}
	parts := []string{
		"CREATE TABLE t (id INT PRIMARY KEY, x INT) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (100))",
		"INSERT INTO t VALUES (1, 1), (20, 20)",
	}
	trial.Fresh(t, open(t, nil).World, []trial.Changing{
		{Schema: four, Read: "SELECT EXISTS (SELECT x FROM t GROUP BY 1 HAVING count(*) > 2)", Write: "UPDATE t SET x = 1 WHERE id = 1"},
		{Schema: parts, Read: "SELECT count(*) FROM t PARTITION (p0)", Write: "UPDATE t SET id = 5 WHERE id = 20"},
		{Schema: parts, Read: "SELECT count(*) FROM t PARTITION (p0) WHERE x = 20", Write: "UPDATE t SET id = 5 WHERE id = 20"},
	})
}

// TestBetweenOfSeveralTypes: MySQL compares all three of a BETWEEN as what they have
// in common, so that an end may mean something else than it does by itself.
func TestBetweenOfSeveralTypes(t *testing.T) {
	schema := []string{"CREATE TABLE t (id INT PRIMARY KEY, n INT, d DATE)", "INSERT INTO t VALUES (1, 5, '2020-01-01')"}
	trial.Fresh(t, open(t, nil).World, []trial.Changing{
		{Schema: schema, Read: "SELECT id FROM t WHERE n BETWEEN 3 AND d", Write: "INSERT INTO t VALUES (2, 2, '2020-01-01')"},
		{Schema: schema, Read: "SELECT id FROM t WHERE n BETWEEN 3 AND DATE '2030-01-01'", Write: "INSERT INTO t VALUES (2, 2, '2020-01-01')"},
		{Schema: schema, Read: "SELECT id FROM t WHERE n BETWEEN 3 AND 7", Write: "UPDATE t SET n = 9 WHERE id = 1"},
		{Schema: schema, Read: "SELECT id FROM t WHERE 5000 BETWEEN id AND n", Write: "UPDATE t SET n = 9000 WHERE id = 1"},
		{Schema: schema, Read: "SELECT id FROM t WHERE n NOT BETWEEN 3 AND 7", Write: "UPDATE t SET n = 9 WHERE id = 1"},
	})
}

// TestWindowOverTotals: a window that is named after the select list groups its rows.
func TestWindowOverTotals(t *testing.T) {
	trial.Fresh(t, open(t, nil).World, []trial.Changing{{
		Schema: []string{"CREATE TABLE t (id INT PRIMARY KEY, n INT)"},
		Read:   "SELECT n, row_number() OVER w FROM t WHERE id = 5 WINDOW w AS (ORDER BY count(*))", Write: "INSERT INTO t VALUES (5, 1)",
	}})
}
