// Package mysql tests sqlcache on a real MariaDB or MySQL, through
// go-sql-driver/mysql.
package mysql
