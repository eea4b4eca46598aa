import { route } from '@react-router/dev/routes'

export default [route('account', 'routes/account-page.jsx'), route('login', 'routes/login.js')]
